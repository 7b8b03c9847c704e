/** A recording can be dropped anywhere on the page. */
import { useEffect, useState } from 'preact/hooks';

export function DropArea({ onDrop }: { readonly onDrop: (file: File) => void }) {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    const end = new AbortController();
    const { signal } = end;
    const hasFile = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
    const over = (event: DragEvent) => {
      if (!hasFile(event)) return;
      // Otherwise the browser would open it itself.
      event.preventDefault();
      setOver(true);
    };
    addEventListener('dragenter', over, { signal });
    addEventListener('dragover', over, { signal });
    addEventListener(
      'dragleave',
      (event) => {
        // From one element of the page to another it has not left.
        if (event.relatedTarget === null) setOver(false);
      },
      { signal },
    );
    addEventListener(
      'drop',
      (event) => {
        if (!hasFile(event)) return;
        event.preventDefault();
        setOver(false);
        const [file] = event.dataTransfer?.files ?? [];
        if (file) onDrop(file);
      },
      { signal },
    );
    return () => end.abort();
  });
  return isOver ? (
    <div class="live-drop" aria-hidden="true">
      Drop a recording (.ipft) to open it
    </div>
  ) : null;
}
