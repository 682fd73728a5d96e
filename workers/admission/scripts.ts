import { MOVE_TO_DELAYED, PROMOTE_FIRST } from '../../lib/queue/bullmq-scripts.js';
import { LuaScript } from '../../lib/queue/lua-script.js';
import { COMMON } from './common.lua.js';
import { ENTER } from './enter.lua.js';
import { LEAVE } from './leave.lua.js';
import { ORDER, REGISTER, SEE, UNSEEN } from './order.lua.js';
import { SLOTS } from './slots.lua.js';
import { RECORD, VERSIONS } from './versions.lua.js';

/** Each script with the functions it needs; their own files say what they take and return. */
export const scripts = {
  enter: new LuaScript(COMMON, ORDER, PROMOTE_FIRST, SLOTS, VERSIONS, MOVE_TO_DELAYED, ENTER),
  leave: new LuaScript(COMMON, PROMOTE_FIRST, SLOTS, LEAVE),
  see: new LuaScript(COMMON, ORDER, SEE),
  unseen: new LuaScript(COMMON, ORDER, UNSEEN),
  register: new LuaScript(COMMON, ORDER, REGISTER),
  record: new LuaScript(COMMON, VERSIONS, RECORD),
};
