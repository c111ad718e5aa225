import { gunzip } from "node:zlib";
import { FORMAT_WORDS, formatOf, size } from "./words.ts";
import { ArchiveError } from "./zip.ts";

/** What a gzip file holds, such as a rotated log; several that were put together into one are read as one. */
export const readGzip = async (bytes: Buffer, maxBytes: number): Promise<Buffer> => {
  const format = formatOf(bytes);
  if (format !== "gzip") throw new ArchiveError(`no gzip file, but ${FORMAT_WORDS[format]}`);
  return new Promise((resolve, reject) => {
    gunzip(bytes, { maxOutputLength: maxBytes }, (error: NodeJS.ErrnoException | null, content) => {
      if (!error) resolve(content);
      else if (error.code === "ERR_BUFFER_TOO_LARGE")
        reject(new ArchiveError(`too large: it unpacks to more than ${size(maxBytes)}`));
      else if (error.code === "Z_BUF_ERROR") reject(new ArchiveError("damaged: it is cut short, its end is missing"));
      else reject(new ArchiveError("damaged: it cannot be unpacked"));
    });
  });
};
