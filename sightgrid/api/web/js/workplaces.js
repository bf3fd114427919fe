// The work places of the page, in the order of their tabs. Each has id, title, route, mount(panel, context), unmount():
// it is shown to who may use the route (a name of the server's table of roles).

import { workplace as audit } from "./audit/index.js";
import { workplace as dispatch } from "./dispatch/index.js";
import { workplace as plan } from "./plan/index.js";

export const WORKPLACES = [plan, dispatch, audit];
