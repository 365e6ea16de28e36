// The browser's own voice, where it has one.

const LONGEST = 1000;
const synthesis = window.speechSynthesis;

export function speak(text) {
  if (!synthesis || !text) return;
  synthesis.speak(new SpeechSynthesisUtterance(text.slice(0, LONGEST)));
}

export function hush() {
  synthesis?.cancel();
}
