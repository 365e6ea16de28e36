// The page: the feed tells the world, and what is shown asks it.

import { Bar } from "./bar.js";
import { choice } from "./choice.js";
import { Desk } from "./desk.js";
import { follow } from "./feed.js";
import { order } from "./order.js";
import { permit, ring } from "./ring.js";
import { Shelf } from "./shelf.js";
import { hush, speak } from "./voice.js";
import { World } from "./world.js";

const SECOND = 1000;

const world = new World();
const chosen = { answering: true, sound: true, speech: true };
const shelf = new Shelf(document.getElementById("phones"), world, (text) => chosen.speech && speak(text));
const desk = new Desk(document.getElementById("desk"), world);
const bar = new Bar(world);
let connected = false;
let attended = "";
let drawing = false;

/** Draw once for all that came before the next picture; a page out of sight rings all the same. */
function draw() {
  if (drawing && !document.hidden) return;
  drawing = true;
  if (document.hidden) drawNow();
  else requestAnimationFrame(drawNow);
}

function drawNow() {
  drawing = false;
  shelf.render();
  desk.render();
  bar.render(desk.dials.inForce, shelf.ringing);
  ring(chosen.sound && Boolean(shelf.ringing));
  attend();
}

/** Tell the simulator at which phones somebody sits, and how many more would ring here. */
function attend() {
  const phones = chosen.answering ? [...world.phones.keys()] : [];
  const spare = chosen.answering ? world.room : 0;
  const told = `${world.page} ${phones} ${spare}`;
  if (!connected || told === attended) return;
  attended = told;
  order("PUT", `pages/${world.page}`, { phones, spare });
}

function learn(news) {
  desk.requests.learn(news.requests ?? [], news.left_out?.requests);
  desk.webhooks.learn(news.webhooks ?? [], news.left_out?.webhooks);
  draw();
}

follow({
  onState(state) {
    connected = true;
    bar.connected(true);
    desk.requests.clear();
    desk.webhooks.clear();
    world.begin(state);
    learn(state);
  },
  onChange(news) {
    shelf.note(world.learn(news));
    learn(news);
  },
  onLost() {
    connected = false;
    bar.connected(false);
  },
});

choice("answering", (on) => {
  chosen.answering = on;
  if (connected) attend();
});
choice("sound", (on) => {
  chosen.sound = on;
  if (connected) draw();
});
choice("speech", (on) => {
  chosen.speech = on;
  if (!on) hush();
});
document.addEventListener("visibilitychange", () => drawing && drawNow());
for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, permit, { once: true });
setInterval(() => {
  if (world.scenario) draw(); // its time goes on
  if (connected) shelf.tick();
}, SECOND);
