// The Server Token as people paste it. The rule is the same as in shared/license/servertoken.go and FORMAT.md: white space
// and invisible characters removed, a-z in upper case, every kind of dash to "-"; then 8 to 128 characters A-Z 0-9 -.

const invisible = /[\s\p{Z}\p{Cc}\p{Cf}\p{Variation_Selector}]/u;
const fillers = '\u034F\u115F\u1160\u17B4\u17B5\u2800\u3164\uFFA0'; // render as blanks
const dash = /[\p{Pd}\u2212\u2043\u02D7\u2796]/u;
const least = 8;
const most = 128;

export type CleanedToken = { ok: true; token: string } | { ok: false; error: string };

export function cleanServerToken(raw: string): CleanedToken {
  let token = '';
  let length = 0;
  for (const char of raw) {
    if (invisible.test(char) || fillers.includes(char)) continue;
    const plain = dash.test(char) ? '-' : char >= 'a' && char <= 'z' ? char.toUpperCase() : char;
    if (!/^[A-Z0-9-]$/.test(plain)) {
      return {
        ok: false,
        error: `A Server Token has only the letters A-Z, digits and dashes; this one has “${char}”. Copy it again from QMS.`,
      };
    }
    length += 1;
    if (length <= most) token += plain;
  }
  if (length === 0) return { ok: false, error: 'Enter the Server Token.' };
  if (length < least) {
    const have = length === 1 ? '1 character' : `${length} characters`;
    return { ok: false, error: `Enter the whole Server Token. This one has ${have}, it needs at least ${least}.` };
  }
  if (length > most) {
    return { ok: false, error: `This is too long for a Server Token: ${length} characters. Copy it again from QMS.` };
  }
  return { ok: true, token };
}

/** The last four characters, the part that people compare. */
export const tokenTail = (token: string): string => token.slice(-4);
