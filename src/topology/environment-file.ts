/** A variable of a file, and the line on which it begins. */
export interface Assignment {
  readonly name: string;
  readonly value: string;
  readonly line: number;
}

const NAME = /^[A-Za-z_]\w*$/;

/** Whether systemd takes this for the name of a variable; it passes over an assignment to any other. */
export const isVariableName = (name: string): boolean => NAME.test(name);

const BLANK = " \t\n\r";
const NEWLINE = "\n\r";
/** Characters before which a backslash goes away inside double quotes, as in a shell. */
const UNESCAPED = '"\\`$';

/**
 * A file of EnvironmentFile=, read as systemd reads it (parse_env_file_internal in
 * https://github.com/systemd/systemd/blob/v252/src/basic/env-file.c): quotes and backslashes as in a shell, nothing is
 * expanded, a line without `=` is passed over, and so is what is no valid assignment. A backslash at the end of a comment
 * takes the next line along before version 254 only.
 */
export const parseEnvironmentFile = (content: string): readonly Assignment[] => {
  type State = "key-before" | "key" | "value-before" | "value" | "escape" | "single" | "double" | "double-escape";
  const found: Assignment[] = [];
  let state: State | "comment" | "comment-escape" = "key-before";
  let [key, value, line, begun] = ["", "", 1, 1];
  /** Length of the value up to its last character that is kept at a line's end. */
  let solid = 0;
  const take = (text: string): void => {
    const name = key.trimEnd();
    if (isVariableName(name)) found.push({ name, value: text, line: begun });
    [key, value, solid] = ["", "", 0];
  };
  const add = (text: string, keep: boolean): void => {
    value += text;
    if (keep) solid = value.length;
  };
  for (const char of content) {
    const newline = NEWLINE.includes(char);
    switch (state) {
      case "key-before":
        if (char === "#" || char === ";") state = "comment";
        else if (!BLANK.includes(char)) [state, key, begun] = ["key", char, line];
        break;
      case "key":
        if (newline) [state, key] = ["key-before", ""];
        else if (char === "=") state = "value-before";
        else key += char;
        break;
      case "value-before":
      case "value":
        if (newline) {
          take(state === "value" ? value.slice(0, solid) : value);
          state = "key-before";
        } else if (state === "value-before" && char === "'") state = "single";
        else if (state === "value-before" && char === '"') state = "double";
        else if (char === "\\") {
          solid = value.length;
          state = "escape";
        } else if (state === "value" || !BLANK.includes(char)) {
          state = "value";
          add(char, !BLANK.includes(char));
        }
        break;
      case "escape":
        state = "value";
        if (!newline) add(char, true);
        break;
      case "single":
        if (char === "'") state = "value-before";
        else add(char, true);
        break;
      case "double":
        if (char === '"') state = "value-before";
        else if (char === "\\") state = "double-escape";
        else add(char, true);
        break;
      case "double-escape":
        state = "double";
        if (UNESCAPED.includes(char)) add(char, true);
        else if (char !== "\n") add(`\\${char}`, true);
        break;
      case "comment":
        if (char === "\\") state = "comment-escape";
        else if (newline) state = "key-before";
        break;
      case "comment-escape":
        state = newline ? "key-before" : "comment";
        break;
    }
    if (char === "\n") line += 1;
  }
  if (!["key-before", "key", "comment", "comment-escape"].includes(state))
    take(state === "value" ? value.slice(0, solid) : value);
  return found;
};

/**
 * A file of pam_env, /etc/environment above all (_parse_env_file in
 * https://github.com/linux-pam/linux-pam/blob/v1.5.2/modules/pam_env/pam_env.c): everything from a `#` on is a comment,
 * and quotes around a value are taken off, not understood.
 */
export const parsePamEnvironment = (content: string): readonly Assignment[] =>
  content.split("\n").flatMap((text, index) => {
    const [, name, written = ""] =
      /^(\w+)=(.*)$/.exec(
        text
          .replace(/#.*/, "")
          .trim()
          .replace(/^export /, ""),
      ) ?? [];
    const value = /^["']/.test(written) ? written.slice(1).replace(/["']$/, "") : written;
    return name === undefined ? [] : [{ name, value, line: index + 1 }];
  });
