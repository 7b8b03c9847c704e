/** The page's words and keys, for who asks. */
import { useEffect, useRef } from 'preact/hooks';

const KEYS: readonly (readonly [keys: string, does: string])[] = [
  ['1 2 3 4', 'timeline, paths, table, compare'],
  ['/', 'find packets'],
  ['↑ ↓', 'the packet before, the next one'],
  ['Enter', 'look at the packet'],
  ['← → + −', 'timeline: move, zoom'],
  ['0 z', 'timeline: show all, zoom to the packet'],
  ['↑ ↓ ← →', 'paths: along a path, to the one beside it'],
  ['Esc', 'close'],
];

const LIVE_KEYS: readonly (readonly [keys: string, does: string])[] = [
  ['p', 'pause the picture, or let it go on'],
  ['t', 'choose what is traced'],
  ['o', 'open a recording'],
];

const FIND: readonly (readonly [words: string, chooses: string])[] = [
  ['10.0.0.5', 'packets with this in their text, outcome, processes or functions'],
  ['dropped !arp', 'both words fit; ! is not'],
  ['fn:nft_do_chain', 'went through such a function; dev: netns: cpu: alike'],
  ['outcome:drop in:nf_hook', 'ended so, ended in such a function; reason: alike'],
  ['slower:2ms', 'took longer'],
  ['by:curl gap:yes', 'of such a process; with a gap'],
  ['path:1-3,7', 'took one of these paths, as paths numbers them'],
];

export function Help({ isLive, onClose }: { readonly isLive: boolean; readonly onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} class="help" aria-label="help" onClose={onClose}>
      <p>
        Each packet (a <code>struct sk_buff</code>) is followed through the kernel's functions, from the first one that
        was traced until it was freed: its journey. <b>Timeline</b> shows when, <b>paths</b> which ways packets took and
        where they ended, <b>table</b> lists them, <b>compare</b> shows how two differ.
      </p>
      <Pairs caption="Finding" pairs={FIND} />
      <Pairs caption="Keys" pairs={isLive ? [...KEYS, ...LIVE_KEYS] : KEYS} />
      <form method="dialog">
        <button type="submit">close</button>
      </form>
    </dialog>
  );
}

function Pairs({
  caption,
  pairs,
}: {
  readonly caption: string;
  readonly pairs: readonly (readonly [string, string])[];
}) {
  return (
    <table>
      <caption>{caption}</caption>
      {pairs.map(([name, text]) => (
        <tr key={name}>
          <th scope="row">
            <kbd>{name}</kbd>
          </th>
          <td>{text}</td>
        </tr>
      ))}
    </table>
  );
}
