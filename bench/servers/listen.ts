/** What the controls share: they listen on any free port and tell it to whoever started them. */
export function told(port: number): void {
  process.send?.({ port });
}
