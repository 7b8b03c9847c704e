// @ts-nocheck It runs in the page that is measured: the types here are those of Node.
/** What a page is measured with, from before it is read. */
globalThis.benchmark = {
  /** When the first packets had been drawn, in milliseconds since the page was asked for; 0: not yet. */
  drawnAt: 0,

  /** Moves the timeline to and fro. @returns what the script took for each frame, in milliseconds */
  async moveTimeline(count) {
    const canvas = document.querySelector('canvas');
    const wheel = (given) => {
      const init = { bubbles: true, cancelable: true, clientX: 700, clientY: 500, ...given };
      canvas.dispatchEvent(new WheelEvent('wheel', init));
    };
    for (let i = 0; i < 3; i++) wheel({ deltaY: -60, ctrlKey: true });
    const frames = [];
    for (let i = 0; i < count; i++) {
      frames.push(
        await new Promise((resolve) => {
          let begin = 0;
          // What is asked for first is called first: before and behind the timeline's own drawing.
          requestAnimationFrame(() => {
            begin = performance.now();
          });
          wheel({ deltaX: i % 40 < 20 ? 25 : -25, deltaY: 40 });
          requestAnimationFrame(() => resolve(performance.now() - begin));
        }),
      );
    }
    return frames;
  },
};

const observer = new MutationObserver(() => {
  if (!document.querySelector('.app canvas')) return;
  observer.disconnect();
  // The timeline draws in the next frame; in the one after that, it has been drawn.
  requestAnimationFrame(() =>
    requestAnimationFrame(() => {
      benchmark.drawnAt = performance.now();
    }),
  );
});
observer.observe(document, { childList: true, subtree: true });
