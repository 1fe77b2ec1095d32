/** Files out of drops and file inputs, folders with all that is in them. @module */
import { type LocalFile, MOST_FILES } from "../../page/local-source.ts";

/** Files of an `<input type="file">`. */
export function filesOf(list: FileList | null): LocalFile[] {
  return [...(list ?? [])].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}

/** Whether a drag has files with it. */
export function hasFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes("Files") ?? false;
}

/** Files of a drop. Call it in the event's handler: later the browser has emptied the list. */
export async function filesOfDrop(data: DataTransfer): Promise<LocalFile[]> {
  const files: LocalFile[] = [];
  const entries: FileSystemEntry[] = [];
  for (const item of data.items) {
    const entry = item.webkitGetAsEntry();
    const file = entry ? null : item.getAsFile();
    if (entry) entries.push(entry);
    else if (file) files.push({ path: file.name, file });
  }
  for (const entry of entries) await collect(entry, files);
  return files;
}

async function collect(entry: FileSystemEntry, files: LocalFile[]): Promise<void> {
  if (files.length > MOST_FILES) return;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    );
    files.push({ path: entry.fullPath.replace(/^\//, ""), file });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    // It gives a hundred at a time, and none at the end.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (some.length === 0) return;
    for (const child of some) await collect(child, files);
  }
}
