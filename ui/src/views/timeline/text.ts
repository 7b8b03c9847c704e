/** Text for a canvas, which has no lines, no ends and no escapes. */

/** Characters that are not drawn, or turn the direction of others. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** At most so many characters of a text, with `…` if there are more; '' where not even two have room. */
export function cutText(text: string, characters: number): string {
  const most = Math.floor(characters);
  if (most < 2) return '';
  if (text.length <= most) return text.replace(UNSEEN, '·');
  return `${text.slice(0, most - 1).replace(UNSEEN, '·')}…`;
}
