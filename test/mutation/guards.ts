/** All the guards against hostile input. */
import type { Guard } from './guard.js';
import { admin } from './guards/admin.js';
import { http } from './guards/http.js';
import { sns } from './guards/sns.js';
import { tokens } from './guards/tokens.js';

export const guards: Guard[] = [...tokens, ...sns, ...http, ...admin];
