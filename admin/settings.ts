/** What the server says of itself in the page, since nothing has to be asked for it. */
interface PageSettings {
  /** Nothing can be changed: ADMIN_READONLY. */
  readOnly: boolean;
  /** Names of all sources, enabled or not. */
  sources: string[];
}

const told = document.querySelector<HTMLMetaElement>('meta[name="hookline"]')?.content ?? '{}';

export const settings: PageSettings = { readOnly: false, sources: [], ...(JSON.parse(told) as object) };
