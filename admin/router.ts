/** The page's state is its address: what is shown can be reloaded, bookmarked and sent to somebody. */
import { useEffect, useState } from 'preact/hooks';

export type Route =
  | { page: 'overview' }
  | { page: 'deliveries'; query: URLSearchParams }
  | { page: 'delivery'; source: string; id: string }
  | { page: 'unknown' };

/** `/admin/deliveries/pce/1` → what to show there. */
export function parse(url: URL): Route {
  const [root, first, source, id, ...rest] = url.pathname.split('/').filter(Boolean).map(decode);
  if (root !== 'admin' || rest.length > 0) return { page: 'unknown' };
  if (first === undefined) return { page: 'overview' };
  if (first !== 'deliveries') return { page: 'unknown' };
  if (source === undefined) return { page: 'deliveries', query: url.searchParams };
  return id === undefined ? { page: 'unknown' } : { page: 'delivery', source, id };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** What a delivery is called in an address: its webhook id, unless a browser would take that for a step in the path. */
export const nameOf = ({ id, jobId }: { id: string; jobId: string }): string =>
  id === '.' || id === '..' ? jobId : id;

export function deliveryPath(delivery: { source: string; id: string; jobId: string }): string {
  return `/admin/deliveries/${encodeURIComponent(delivery.source)}/${encodeURIComponent(nameOf(delivery))}`;
}

/** The list with these filters; those without a value are left out. */
export function deliveriesPath(filters: Record<string, string | null | undefined>): string {
  const given = Object.entries(filters).filter((pair): pair is [string, string] => Boolean(pair[1]));
  const query = new URLSearchParams(given).toString();
  return query === '' ? '/admin/deliveries' : `/admin/deliveries?${query}`;
}

const MOVED = 'hookline:moved';

/** Goes to a page of ours. `trail` is kept with it in the browser's history. */
export function navigate(path: string, trail: string[] = []): void {
  history.pushState({ trail }, '', path);
  dispatchEvent(new Event(MOVED));
}

/** The cursors of the pages before this one, if it was reached from them. */
export function trail(): string[] {
  const state = history.state as { trail?: string[] } | null;
  return state?.trail ?? [];
}

/** The address as it is now; the component is rendered again when it changes. */
export function useAddress(): string {
  const [href, setHref] = useState(location.href);
  useEffect(() => {
    const update = () => setHref(location.href);
    const follow = (event: MouseEvent) => followLink(event);
    addEventListener('popstate', update);
    addEventListener(MOVED, update);
    document.addEventListener('click', follow);
    return () => {
      removeEventListener('popstate', update);
      removeEventListener(MOVED, update);
      document.removeEventListener('click', follow);
    };
  }, []);
  return href;
}

/** A plain click on a link to a page of ours needs no new document. */
function followLink(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  if (!link || link.origin !== location.origin || link.hash !== '' || link.target !== '') return;
  if (parse(new URL(link.href)).page === 'unknown') return;
  event.preventDefault();
  navigate(link.pathname + link.search, JSON.parse(link.dataset['trail'] ?? '[]') as string[]);
}
