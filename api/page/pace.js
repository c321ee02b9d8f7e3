// Does something at most so often, and always once more after the last time that it was asked for.

export function paced(work, pause) {
  let [last, waiting] = [0, null];
  const run = () => {
    waiting = null;
    last = performance.now();
    work();
  };
  const ask = () => {
    if (waiting !== null) return;
    waiting = setTimeout(run, Math.max(0, last + pause - performance.now()));
  };
  ask.cancel = () => {
    clearTimeout(waiting);
    waiting = null;
  };
  return ask;
}
