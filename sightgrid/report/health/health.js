"use strict";
(() => {
  const form = document.querySelector("form");
  const cameras = [...document.querySelectorAll(".cameras > li")];
  const count = document.querySelector("#count");
  const filter = () => {
    const statuses = new Set([...form.querySelectorAll("input[type=checkbox]:checked")].map((box) => box.value));
    const fault = form.elements.fault.value;
    const owner = form.elements.owner.value;
    const words = form.elements.words.value.trim().toLowerCase();
    let shown = 0;
    for (const camera of cameras) {
      const data = camera.dataset;
      const fits = statuses.has(data.status)
        && (fault === "" || data.fault === fault)
        && (owner === "" || data.owner === owner)
        && (words === "" || data.words.includes(words));
      camera.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    count.textContent = `${shown} of ${cameras.length} cameras shown`;
  };
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  filter();
})();
