// The system page: how the recorder is, kept true.

import { Refresh } from "../shell/refresh.js";

new Refresh().start();
