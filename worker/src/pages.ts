/** The few pages that are no image's. @module */

/** What is told at `/`. */
export const HOME = `ocipeek: every file of every container image at a URL

  /<registry>/<repository>[:tag|@digest]/-/<path>   a file; Range, ETag and HEAD as you expect
  /<registry>/<repository>[:tag|@digest]/-/<path>/  a folder; JSON or HTML
      ?recursive&glob=**/*.so   all below it, one JSON object a line
      ?tar                      all below it, as a tar archive
  /<registry>/<repository>[:tag|@digest]/           the image: config, layers, index
  /-/v2/<registry>/<path>                           the registry's API, read only, with CORS

  ?platform=linux/arm64   another platform        ?layer=sha256:…   one layer alone
  ?download               as an attachment

  This page in a browser shows an image's files as if they were on your disk.

  curl https://this.host/docker.io/library/alpine:latest/-/etc/os-release
`;

/** Machines that follow every link would read every image. */
export const ROBOTS = "User-agent: *\nDisallow: /\n";
