// The live feed: the whole state on connecting, then every change; it connects again by itself.

const AGAIN = 1000; // milliseconds

export function follow({ onState, onChange, onLost }) {
  const source = new EventSource("/_simulator/events");
  source.addEventListener("state", (event) => onState(JSON.parse(event.data)));
  source.addEventListener("change", (event) => onChange(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    onLost();
    if (source.readyState !== EventSource.CLOSED) return;
    setTimeout(() => follow({ onState, onChange, onLost }), AGAIN);
  });
}
