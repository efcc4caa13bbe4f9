/** How messages and reports name what has a number, and a name if its maker gave it one: `#7 writer`, `#7`. */
export function nameOf({ id, name }: { readonly id: number; readonly name?: string | undefined }): string {
  return name ? `#${String(id)} ${name}` : `#${String(id)}`;
}
