// A sentence that one screen leaves for the next, shown once.

interface Flash {
  id: string;
  title: string;
  text: string;
}

let left: Flash | null = null;

export function leaveFlash(flash: Flash): void {
  left = flash;
}

/** The sentence left for the page of this license, if any. */
export function takeFlash(id: string): Flash | null {
  const flash = left?.id === id ? left : null;
  if (flash) left = null;
  return flash;
}
