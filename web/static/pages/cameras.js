// The page of all cameras: how each of them is, kept true.

import { Refresh } from "../shell/refresh.js";

new Refresh().start();
