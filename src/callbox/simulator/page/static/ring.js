// The soft ring of a phone, made by the browser; it needs a click on the page before.

const HIGH = 784;
const LOW = 587;
const VOLUME = 0.06;
const PERIOD = 2600; // milliseconds

let context = null;
let timer = null;

function tone(frequency, begin, length) {
  const oscillator = context.createOscillator();
  const volume = context.createGain();
  oscillator.type = "sine";
  oscillator.frequency.value = frequency;
  volume.gain.setValueAtTime(0, begin);
  volume.gain.linearRampToValueAtTime(VOLUME, begin + 0.03);
  volume.gain.exponentialRampToValueAtTime(0.0001, begin + length);
  oscillator.connect(volume).connect(context.destination);
  oscillator.start(begin);
  oscillator.stop(begin + length);
}

function ringOnce() {
  if (context?.state !== "running") return;
  const now = context.currentTime;
  for (const [place, note] of [HIGH, LOW, HIGH, LOW].entries()) tone(note, now + place * 0.22, 0.5);
}

/** Make sound possible; browsers allow it after a click or a key only. */
export function permit() {
  context ??= new AudioContext();
  if (context.state === "suspended") context.resume();
}

/** Ring or be silent. */
export function ring(on) {
  if (on && timer === null) {
    ringOnce();
    timer = setInterval(ringOnce, PERIOD);
  } else if (!on && timer !== null) {
    clearInterval(timer);
    timer = null;
  }
}
