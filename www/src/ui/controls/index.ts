/** Controls that all views share. @module */

export { Button, ButtonLink, IconButton } from "./Button.tsx";
export { Choice } from "./Choice.tsx";
export { CopyButton } from "./CopyButton.tsx";
export { Dialog } from "./Dialog.tsx";
export { Digest } from "./Digest.tsx";
export { Select, submits, TextField } from "./Field.tsx";
export { KeyValue, type Pair } from "./KeyValue.tsx";
export { Badge, Note } from "./Note.tsx";
export { Popover } from "./Popover.tsx";
export { Spinner } from "./Spinner.tsx";
export { Table } from "./Table.tsx";
export { type Tab, Tabs } from "./Tabs.tsx";
