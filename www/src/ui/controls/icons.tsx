/** Icons of 16 by 16, drawn with lines in the text's colour. Decoration: who uses one names the control. @module */
import type { JSX } from "preact";

/** An icon. */
export type Icon = () => JSX.Element;

/** An icon by its lines; `solid`: what of it is filled. */
export function icon(lines: string, solid?: string): Icon {
  return () => (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={lines} />
      {solid && <path class="icon-solid" d={solid} />}
    </svg>
  );
}

export const CopyIcon = icon(
  "M7 5.5h5a1.5 1.5 0 0 1 1.5 1.5v5a1.5 1.5 0 0 1-1.5 1.5h-5a1.5 1.5 0 0 1-1.5-1.5v-5a1.5 1.5 0 0 1 1.5-1.5zM10.500 5.500V4A1.500 1.500 0 0 0 9 2.500H4A1.500 1.500 0 0 0 2.500 4v5A1.500 1.500 0 0 0 4 10.500h1.500",
);
export const CheckIcon = icon("m3 8.500 3.300 3.500L13 4.500");
export const CloseIcon = icon("m4 4 8 8m0-8-8 8");
export const DownloadIcon = icon("M8 2.500v8m-3.200-3L8 10.700l3.200-3.200M3 13.500h10");
export const DownIcon = icon("m4 6 4 4 4-4");
export const RightIcon = icon("m6 4 4 4-4 4");
export const LeftIcon = icon("m10 4-4 4 4 4");
export const SearchIcon = icon("M3 7a4 4 0 1 0 8 0a4 4 0 1 0-8 0zM10 10l3.500 3.500");
export const AlertIcon = icon("M8 2.500 14 13H2zM8 6.500v3M8 11.400v.1");
export const InfoIcon = icon("M2.3 8a5.7 5.7 0 1 0 11.4 0a5.7 5.7 0 1 0-11.4 0zM8 7.300v3.700M8 5v.1");
export const ShieldIcon = icon(
  "M8 2 3.200 3.800v3.800c0 3 2 5.300 4.800 6.400 2.800-1.100 4.800-3.400 4.800-6.400V3.800zM5.800 8l1.600 1.700 2.900-3.300",
);
export const LockIcon = icon(
  "M4.7 7h6.6a1.2 1.2 0 0 1 1.2 1.2v4.1a1.2 1.2 0 0 1-1.2 1.2h-6.6a1.2 1.2 0 0 1-1.2-1.2v-4.1a1.2 1.2 0 0 1 1.2-1.2zM5.500 7V5.200a2.500 2.500 0 0 1 5 0V7",
);
export const LinkIcon = icon(
  "M6.700 9.300a2.500 2.500 0 0 0 3.600 0l2.200-2.200a2.500 2.500 0 0 0-3.600-3.600L8 4.400m1.300 2.300a2.500 2.500 0 0 0-3.600 0L3.500 8.900a2.500 2.500 0 0 0 3.600 3.600l.9-.9",
);
export const SwapIcon = icon(
  "M5 3 2.500 5.500 5 8M2.500 5.500h9m-.500 2.500 2.500 2.500L11 13m2.500-2.500h-9",
);
export const HelpIcon = icon(
  "M2.3 8a5.7 5.7 0 1 0 11.4 0a5.7 5.7 0 1 0-11.4 0zM6.200 6.300a1.800 1.800 0 1 1 2.700 1.600c-.6.400-.9.700-.9 1.400M8 11.300v.1",
);
export const SunIcon = icon(
  "M5.3 8a2.7 2.7 0 1 0 5.4 0a2.7 2.7 0 1 0-5.4 0zM8 1.500v1.800m0 9.400v1.800M1.500 8h1.800m9.400 0h1.800M3.400 3.400l1.300 1.300m6.600 6.600 1.300 1.300m0-9.200-1.300 1.300m-6.600 6.600-1.300 1.300",
);
export const MoonIcon = icon("M13.200 9.700A5.700 5.700 0 0 1 6.300 2.800a5.700 5.700 0 1 0 6.900 6.900z");
export const AutoIcon = icon(
  "M2.3 8a5.7 5.7 0 1 0 11.4 0a5.7 5.7 0 1 0-11.4 0z",
  "M8 2.300a5.700 5.700 0 0 1 0 11.400z",
);
export const MoreIcon = icon(
  "",
  "M3 7.200h1.600v1.600H3zm4.200 0h1.600v1.600H7.200zm4.200 0H13v1.600h-1.600z",
);
export const WrapIcon = icon(
  "M2.500 3.500h11m-11 4.500h9a2 2 0 0 1 0 4.500H8m1.500-1.700L7.700 12.500l1.800 1.700M2.500 12.500h2.700",
);
