// 简体中文

import audit from "./zh/audit.js";
import dispatch from "./zh/dispatch.js";
import plan from "./zh/plan.js";
import shell from "./zh/shell.js";
import words from "./zh/words.js";

export default { ...shell, ...words, ...plan, ...dispatch, ...audit };
