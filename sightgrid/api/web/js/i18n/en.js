// English.

import audit from "./en/audit.js";
import dispatch from "./en/dispatch.js";
import plan from "./en/plan.js";
import shell from "./en/shell.js";
import words from "./en/words.js";

export default { ...shell, ...words, ...plan, ...dispatch, ...audit };
