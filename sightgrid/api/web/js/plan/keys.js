// Keys of the work place Plan, for all that the mouse does.

import { isTyping } from "../core/dom.js";

const STEP_M = 1;
const LONG_STEP_M = 10;
const TURN_DEG = 1;
const LONG_TURN_DEG = 10;

const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/** Listen to keys; `close()` lays the camera down; `adding` is the adding of one. Returns what ends it. */
export function listenToKeys(editor, { close, adding }) {
  const listen = (event) => {
    if (document.querySelector("dialog[open]") || isTyping(event)) return;
    const undoes = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z";
    const redoes = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "y";
    if (undoes || redoes) {
      event.preventDefault();
      if (redoes || event.shiftKey) editor.redo();
      else editor.undo();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") close();
    else if (act(event)) {
      event.preventDefault();
      event.stopPropagation(); // else the map would move as well
    }
  };

  function act(event) {
    if (event.key === "n" || event.key === "N") {
      adding.begin();
      return true;
    }
    if (adding.active && event.key === "Enter") {
      adding.place();
      return true;
    }
    return Boolean(editor.camera) && actOnCamera(event);
  }

  function actOnCamera(event) {
    const long = event.shiftKey;
    const arrow = ARROWS[event.key];
    const onMap = event.target === document.body || event.target.closest?.(".map, .camera-head h2");
    if (arrow && onMap) {
      if (event.target.closest?.(".handle")) return false; // it has arrows of its own
      editor.nudge(...arrow.map((each) => each * (long ? LONG_STEP_M : STEP_M)));
      return true;
    }
    const turns = { "[": -1, "]": 1, "{": -1, "}": 1 }[event.key];
    if (turns) {
      editor.rotate(turns * (long ? LONG_TURN_DEG : TURN_DEG));
      return true;
    }
    if (event.key === "Delete" && onMap) {
      editor.remove();
      return true;
    }
    return false;
  }

  document.addEventListener("keydown", listen, true);
  return () => document.removeEventListener("keydown", listen, true);
}
