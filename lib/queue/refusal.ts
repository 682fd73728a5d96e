/** First words of the errors with which Redis refuses whatever comes, and not this very command. */
const NOT_NOW =
  /^(?:READONLY|OOM|MISCONF|LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|BUSY|NOREPLICAS|UNKILLABLE|EXECABORT|NOAUTH|WRONGPASS|NOPERM|NOSCRIPT)\b|max number of clients/;

/** Was a command refused for Redis' own sake, so that the same one may be taken later? */
export function isRefusedForNow(error: unknown): boolean {
  return error instanceof Error && NOT_NOW.test(error.message);
}
