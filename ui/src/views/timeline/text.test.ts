import { describe, expect, it } from 'vitest';
import { cutText } from './text.js';

describe('text on the canvas', () => {
  it('is cut to its room', () => {
    expect(cutText('ip_rcv', 6)).toBe('ip_rcv');
    expect(cutText('ip_rcv_core', 6.9)).toBe('ip_rc…');
    expect(cutText('ip_rcv', 1)).toBe('');
    expect(cutText('x'.repeat(10_000), 20)).toHaveLength(20);
  });

  it('has no characters that move others, and no halves of any', () => {
    expect(cutText('a\n\u0000\u202eb\u200f', 20)).toBe('a···b·');
    expect(cutText('ab😀cd', 4)).toBe('ab·…');
  });
});
