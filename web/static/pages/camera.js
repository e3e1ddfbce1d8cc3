// The camera page. It puts together what plays, the timeline, and the controls; each part keeps its own state.

import { keepAwake } from "../shell/awake.js";
import { byId } from "../shell/dom.js";
import { wireKeys } from "../shell/keys.js";
import { toast } from "../shell/messages.js";
import { Address } from "../camera/address.js";
import { wireControls } from "../camera/controls.js";
import { DayView } from "../camera/dayview.js";
import { GapNote } from "../camera/gapnote.js";
import { HoverPreview } from "../camera/hoverpreview.js";
import { wireKeep } from "../camera/keepclip.js";
import { LivePicture } from "../camera/livepicture.js";
import { Player } from "../camera/player.js";
import { Readout } from "../camera/readout.js";
import { Stage } from "../camera/stage.js";
import { TimelineLoader } from "../camera/timelineloader.js";
import { ClipExport } from "../export/clipexport.js";
import { Footage } from "../footage/footage.js";
import { RecordingList, limitsOf } from "../footage/recordinglist.js";
import { pageClock } from "../live/livefeed.js";
import { pictureName, savePicture } from "../player/snapshot.js";
import { Calendar } from "../time/calendar.js";
import { Zone } from "../time/zone.js";
import { TimelineControl } from "../timeline/control.js";

/** How often what is shown is brought up to date, what was recorded since is asked for, and how much went on; ms. */
const TICK = 200;
const REFRESH = 5000;
const ACTIVITY = 30_000;

/** @typedef {ReturnType<typeof build>} Parts */

/** Makes the parts and joins them. */
function build() {
  const page = byId("camera").dataset;
  const camera = page.camera ?? "";
  const mayPlay = page.playback !== undefined;
  const zone = new Zone(page.zone ?? "");
  const clock = pageClock();
  const now = () => clock.at(Date.now());
  const limits = limitsOf(zone, now);
  const first = page.day ?? zone.day(now());

  const stage = new Stage();
  const address = new Address();
  const live = new LivePicture(stage.videos.live, clock, page);
  const recordings = new RecordingList(camera, Footage.parse(JSON.parse(page.timeline ?? "{}")), zone.dayBounds(first), {
    limits, now, onleave: () => player.keepMoment(),
    onchange: () => {
      timeline.update({ footage: recordings.footage, now: now() });
      day.listGaps();
    },
    ongone: () => player.nothingLeft("This camera was removed, or is no longer shared with you."),
  });
  const note = new GapNote(zone, { go: (t, play) => player.goTo(t, play) });
  const player = new Player({ camera, hasSub: page.sub !== undefined, mayPlay, zone, now, stage, live, address, recordings }, {
    onchange: () => readout.paint(), onjump: () => { timeline.follow = true; }, onnote: (of, ways) => note.show(of, ways), onleft: () => note.hide(),
    onrate: (rate) => { /** @type {HTMLSelectElement} */ (byId("speed")).value = String(rate); },
  });
  const timeline = new TimelineControl(byId("timeline"), zone, {
    onscrub: (t) => drag(t), onpick: (t) => { if (mayPlay) player.pick(t); }, onhover: (t, x) => preview.hover(t, x),
    onview: () => {
      if (mayPlay) loader.moved();
      day.paint();
    },
  }, {
    day: zone.dayBounds(first), limits: limits(), footage: recordings.footage, at: now(), now: now(), kept: [], markIn: null, markOut: null,
    pictures: (from, to) => player.playback.pictures(from, to),
  });
  const drag = (/** @type {number} */ t) => {
    if (!mayPlay) return;
    note.hide();
    player.drag(t);
    readout.paint();
  };
  const day = new DayView(first, { camera, mayPlay, zone, now, recordings, timeline, player });
  const preview = new HoverPreview({ zone, now, day, timeline, recordings });
  const loader = new TimelineLoader({ camera, now, timeline, recordings });
  const readout = new Readout({ zone, now, player, live, stage, day, timeline });
  const clip = new ClipExport(zone, () => ({ at: player.moment(), now: now() }), () => timeline.update(clip.marks()));
  const calendar = new Calendar(camera, zone, { today: () => zone.day(now()), onpick: (which) => day.go(which) });
  return { page, camera, mayPlay, zone, now, stage, player, timeline, day, loader, readout, clip, calendar };
}

/** Joins buttons and keys with what they do. @param {Parts} parts */
function wire({ camera, zone, now, stage, player, timeline, day, clip, calendar }) {
  const saveShown = async () => {
    const name = pictureName(camera, zone, player.moment());
    toast(await savePicture(stage.picture(), name) ? `Saved as ${name}` : "No picture to save yet");
  };
  const popOut = async () => {
    if (!(await stage.pictureInPicture())) toast("Picture-in-picture is not available in this browser.");
  };
  const common = {
    toggle: () => player.toggle(), skip: (/** @type {number} */ by) => player.skip(by), step: (/** @type {1 | -1} */ direction) => player.step(direction),
    live: () => { if (player.mode !== "live") player.goLive(); }, full: () => stage.fullScreen(), snapshot: saveShown, pip: popOut,
    pickDay: () => calendar.open(day.named(), byId("day-button")), mute: () => stage.toggleMute(),
  };
  wireControls({
    ...common, rate: (rate) => player.setRate(rate), day: () => day.named(), goDay: (which) => day.go(which), goTo: (t) => player.goTo(t, true),
    context: () => ({ zone, day: day.day, now: now() }),
  }, timeline);
  stage.element.addEventListener("dblclick", (e) => {
    if (!(e.target instanceof Element && e.target.closest("button"))) stage.fullScreen();
  });
  wireKeys({
    ...common, edge: (direction) => player.toEdge(direction), speed: (direction) => player.changeRate(direction), zoom: (f) => timeline.zoomBy(f),
    typeTime: () => byId("goto").focus(), markIn: () => clip.mark("from"), markOut: () => clip.mark("to"),
    save: () => { clip.panel.open = true; byId("save-button").focus(); },
  });
  wireKeep(clip.form, () => day.loadKept());
}

/** Shows the moment that the address names, or the present, and goes on from there. @param {Parts} parts */
function start({ page, mayPlay, now, player, timeline, day, loader, readout }) {
  day.paint();
  day.loadKept();
  if (mayPlay) loader.moved();
  const at = Date.parse(page.at ?? "");
  if (mayPlay && !Number.isNaN(at) && at < now() - 3000) player.goTo(at, true);
  else player.goLive();
  setInterval(() => {
    player.tick();
    if (!document.hidden) readout.paint();
  }, TICK);
  setInterval(() => { if (!document.hidden && mayPlay) loader.refresh(player.moment()); }, REFRESH);
  setInterval(() => { if (!document.hidden && mayPlay && timeline.view.to > now() - 60_000) loader.loadActivity(); }, ACTIVITY);
  readout.followClosely();
  keepAwake(() => player.playing);
}

const parts = build();
wire(parts);
start(parts);
