/** Finding the token is the first thing that can go wrong with it. */
export type Bearer =
  { ok: true; token: string } | { ok: false; cause: 'missing-token' | 'malformed-token'; detail: string };

/** RFC 6750 §2.1: one or more spaces, then a b64token. RFC 9110 §11.1: the scheme in any case. */
const BEARER = /^bearer +([A-Za-z0-9\-._~+/]+=*)$/i;

/** The token of an `Authorization` header. Anything but exactly one token is refused. */
export function readBearer(authorization: string | string[] | undefined): Bearer {
  if (Array.isArray(authorization) && authorization.length > 1)
    return refused('malformed-token', 'there is more than one Authorization header');
  const [value] = Array.isArray(authorization) ? authorization : [authorization];
  if (value === undefined || value === '')
    return refused('missing-token', 'there is no Authorization header');
  const token = BEARER.exec(value)?.[1];
  if (token !== undefined) return { ok: true, token };
  return /^bearer(?: |$)/i.test(value)
    ? refused('malformed-token', 'the Authorization header is not "Bearer" and exactly one token')
    : refused('missing-token', 'the Authorization scheme is not Bearer');
}

function refused(cause: 'missing-token' | 'malformed-token', detail: string): Bearer {
  return { ok: false, cause, detail };
}
