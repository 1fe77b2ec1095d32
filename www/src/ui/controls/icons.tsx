/** Icons of 16 by 16, drawn with lines in the text's colour. Decoration: who uses one names the control. @module */
import type { ComponentChildren, JSX } from "preact";
import "./icons.css";

/** An icon. */
export type Icon = () => JSX.Element;

function icon(shape: ComponentChildren): Icon {
  return () => (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      {shape}
    </svg>
  );
}

export const CopyIcon = icon(
  <>
    <rect x="5.5" y="5.5" width="8" height="8" rx="1.5" />
    <path d="M10.500 5.500V4A1.500 1.500 0 0 0 9 2.500H4A1.500 1.500 0 0 0 2.500 4v5A1.500 1.500 0 0 0 4 10.500h1.500" />
  </>,
);
export const CheckIcon = icon(<path d="m3 8.500 3.300 3.500L13 4.500" />);
export const CloseIcon = icon(<path d="m4 4 8 8m0-8-8 8" />);
export const DownloadIcon = icon(<path d="M8 2.500v8m-3.200-3L8 10.700l3.200-3.200M3 13.500h10" />);
export const UploadIcon = icon(<path d="M8 10.500v-8m-3.200 3.200L8 2.500l3.200 3.200M3 13.500h10" />);
export const DownIcon = icon(<path d="m4 6 4 4 4-4" />);
export const RightIcon = icon(<path d="m6 4 4 4-4 4" />);
export const LeftIcon = icon(<path d="m10 4-4 4 4 4" />);
export const SearchIcon = icon(
  <>
    <circle cx="7" cy="7" r="4" />
    <path d="m10 10 3.500 3.500" />
  </>,
);
export const AlertIcon = icon(
  <>
    <path d="M8 2.500 14 13H2z" />
    <path d="M8 6.500v3M8 11.400v.1" />
  </>,
);
export const InfoIcon = icon(
  <>
    <circle cx="8" cy="8" r="5.700" />
    <path d="M8 7.300v3.700M8 5v.1" />
  </>,
);
export const ShieldIcon = icon(
  <>
    <path d="M8 2 3.200 3.800v3.800c0 3 2 5.300 4.800 6.400 2.800-1.100 4.800-3.400 4.800-6.400V3.800z" />
    <path d="m5.800 8 1.600 1.700 2.900-3.300" />
  </>,
);
export const LockIcon = icon(
  <>
    <rect x="3.500" y="7" width="9" height="6.500" rx="1.200" />
    <path d="M5.500 7V5.200a2.500 2.500 0 0 1 5 0V7" />
  </>,
);
export const LinkIcon = icon(
  <path d="M6.700 9.300a2.500 2.500 0 0 0 3.600 0l2.200-2.200a2.500 2.500 0 0 0-3.600-3.600L8 4.400m1.300 2.300a2.500 2.500 0 0 0-3.600 0L3.500 8.900a2.500 2.500 0 0 0 3.600 3.600l.9-.9" />,
);
export const ReloadIcon = icon(<path d="M13 8a5 5 0 1 1-1.600-3.700L13 5.800m0-3.300v3.300H9.700" />);
export const SwapIcon = icon(
  <path d="M5 3 2.500 5.500 5 8M2.500 5.500h9m-.500 2.500 2.500 2.500L11 13m2.500-2.500h-9" />,
);
export const HelpIcon = icon(
  <>
    <circle cx="8" cy="8" r="5.700" />
    <path d="M6.200 6.300a1.800 1.800 0 1 1 2.700 1.600c-.6.400-.9.700-.9 1.400M8 11.300v.1" />
  </>,
);
export const SunIcon = icon(
  <>
    <circle cx="8" cy="8" r="2.700" />
    <path d="M8 1.500v1.800m0 9.400v1.800M1.500 8h1.800m9.400 0h1.800M3.400 3.400l1.300 1.300m6.600 6.600 1.300 1.300m0-9.200-1.300 1.300m-6.600 6.600-1.300 1.300" />
  </>,
);
export const MoonIcon = icon(
  <path d="M13.200 9.700A5.700 5.700 0 0 1 6.300 2.800a5.700 5.700 0 1 0 6.900 6.900z" />,
);
export const AutoIcon = icon(
  <>
    <circle cx="8" cy="8" r="5.700" />
    <path class="icon-solid" d="M8 2.300a5.700 5.700 0 0 1 0 11.400z" />
  </>,
);
export const MoreIcon = icon(
  <path class="icon-solid" d="M3 7.200h1.600v1.600H3zm4.200 0h1.600v1.600H7.200zm4.200 0H13v1.600h-1.600z" />,
);
export const FilterIcon = icon(<path d="M2.500 4h11M4.500 8h7m-5 4h3" />);
export const WrapIcon = icon(
  <path d="M2.500 3.500h11m-11 4.500h9a2 2 0 0 1 0 4.500H8m1.500-1.700L7.700 12.500l1.800 1.700M2.500 12.500h2.700" />,
);
