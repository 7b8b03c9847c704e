/**
 * `-o html`: a page that shows the trace in a browser. The application is the same in all pages (`ui/`); the trace stands
 * behind it in parts, as docs/page-data.md tells.
 */
import { TextBuffer } from '../base/text-buffer.js';
import type { CompleteJourney } from '../journey/assembler.js';
import { type JourneyEncoder, JourneyOutput, type JourneyOutputOptions, type OutputContext } from './output.js';
import { type PageHeader, PageParts, type PartKind } from './page-parts.js';

/** The page without a trace. */
export interface PageFrame {
  readonly before: string;
  readonly after: string;
}

export interface HtmlOptions extends JourneyOutputOptions {
  /** Undefined where no page is made. */
  readonly page?: { readonly frame: PageFrame; readonly header: PageHeader } | undefined;
}

/** Parts are handed on when there is so much text. */
const PIECE_BYTES = 1 << 20;

export class HtmlOutput extends JourneyOutput {
  constructor(context: OutputContext, { page, ...options }: HtmlOptions) {
    if (!page) throw new TypeError('a page needs its frame');
    super(new HtmlText(context, page), context, options);
  }
}

class HtmlText implements JourneyEncoder {
  readonly #text = new TextBuffer(PIECE_BYTES);
  readonly #frame: PageFrame;
  readonly #parts: PageParts;

  constructor(context: OutputContext, { frame, header }: NonNullable<HtmlOptions['page']>) {
    this.#frame = frame;
    this.#parts = new PageParts(context, header, {
      text: (kind, json) => {
        if (kind === 'head') this.#text.text(this.#frame.before);
        // No text can then end the element, or begin a comment in it.
        this.#writePart(kind, json.replaceAll('<', '\\u003c'));
      },
      bytes: (kind, compressed) => {
        const { buffer, byteOffset, length } = compressed;
        this.#writePart(kind, Buffer.from(buffer, byteOffset, length).toString('base64'));
      },
    });
  }

  #writePart(kind: PartKind, content: string): void {
    this.#text.text(`<script type="application/ipft" data-part="${kind}">`);
    this.#text.text(content);
    this.#text.text('</script>\n');
  }

  isFull(): boolean {
    return this.#text.length >= PIECE_BYTES;
  }

  journey(whole: CompleteJourney): undefined {
    return this.#parts.journey(whole);
  }

  get pendingBytes(): number {
    return this.#text.length;
  }

  take(): Uint8Array {
    return this.#text.take();
  }

  giveBack(bytes: Uint8Array): void {
    this.#text.giveBack(bytes);
  }

  *finish(): Iterable<Uint8Array> {
    this.#parts.finish();
    this.#text.text(this.#frame.after);
    yield this.#text.take();
  }
}
