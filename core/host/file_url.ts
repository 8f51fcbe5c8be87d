/** The path of a `file:` URL, as the file system takes it. */
export function pathOf(url: string | URL): string {
  const path = decodeURIComponent(new URL(url).pathname);
  return path.replace(/^\/(?=[A-Za-z]:\/)/, ""); // on Windows it begins with /C:/
}
