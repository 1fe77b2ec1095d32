/** Extended attributes in words: file capabilities, access lists, texts. @module */

import { hex } from "../../../js/common/hex.ts";
import { strictText } from "./visible.ts";

/** Names of the bits, in their order (linux/capability.h). */
const CAPABILITIES = (
  "chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service " +
  "net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin " +
  "sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override " +
  "mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore"
).split(" ");

/** What an attribute's value says; in hexadecimal where it is neither known nor text. */
export function describeXattr(name: string, value: Uint8Array): string {
  if (value.length === 0) return "(empty)";
  const known =
    name === "security.capability"
      ? capabilities(value)
      : /^system\.posix_acl_(access|default)$/.test(name)
        ? accessList(value)
        : undefined;
  return known ?? text(value) ?? bytesOf(value);
}

/** As getcap(8) writes it: `cap_net_raw=ep`. */
function capabilities(value: Uint8Array): string | undefined {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  if (value.length < 12) return undefined;
  const magic = view.getUint32(0, true);
  const words = { 1: 1, 2: 2, 3: 2 }[magic >>> 24];
  if (!words || value.length < 4 + 8 * words) return undefined;
  const has = (set: number, bit: number): boolean =>
    ((view.getUint32(4 + 8 * Math.floor(bit / 32) + set, true) >>> (bit % 32)) & 1) === 1;
  const isEffective = (magic & 1) === 1;
  const byFlags = new Map<string, string[]>();
  for (let bit = 0; bit < 32 * words; bit++) {
    const permitted = has(0, bit);
    const inheritable = has(4, bit);
    const any = permitted || inheritable;
    const flags = `${isEffective && any ? "e" : ""}${inheritable ? "i" : ""}${permitted ? "p" : ""}`;
    if (flags === "" || !any) continue;
    const name = `cap_${CAPABILITIES[bit] ?? bit}`;
    byFlags.set(flags, [...(byFlags.get(flags) ?? []), name]);
  }
  const user = magic >>> 24 === 3 && value.length >= 24 ? ` (root is user ${view.getUint32(20, true)})` : "";
  const parts = [...byFlags].map(([flags, names]) => `${names.join(",")}=${flags}`);
  return (parts.join(" ") || "=") + user;
}

const ACL_TAGS: Record<number, string> = {
  1: "user",
  2: "user",
  4: "group",
  8: "group",
  16: "mask",
  32: "other",
};

/** As getfacl(1) writes it: `user::rw-, group::r--`. */
function accessList(value: Uint8Array): string | undefined {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  if (value.length < 4 || value.length % 8 !== 4 || view.getUint32(0, true) !== 2) return undefined;
  const entries: string[] = [];
  for (let at = 4; at < value.length; at += 8) {
    const tag = view.getUint16(at, true);
    const bits = view.getUint16(at + 2, true);
    const who = tag === 2 || tag === 8 ? String(view.getUint32(at + 4, true)) : "";
    const rights = `${bits & 4 ? "r" : "-"}${bits & 2 ? "w" : "-"}${bits & 1 ? "x" : "-"}`;
    entries.push(`${ACL_TAGS[tag] ?? tag}:${who}:${rights}`);
  }
  return entries.join(", ");
}

function text(value: Uint8Array): string | undefined {
  const end = value.at(-1) === 0 ? value.length - 1 : value.length;
  const decoded = strictText(value.subarray(0, end));
  return decoded !== undefined && /^[^\p{C}]*$/u.test(decoded) ? decoded : undefined;
}

function bytesOf(value: Uint8Array): string {
  const shown = hex(value.subarray(0, 256), " ");
  return value.length > 256 ? `${shown} … (${value.length.toLocaleString("en-US")} B)` : shown;
}
