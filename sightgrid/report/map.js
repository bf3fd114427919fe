// Draws what the page's data say. Classes, colours and words come with the data; nothing is decided here.
const sightgrid = {
  layers: [],

  shapes(map, data, settings) {
    const { pane, labels } = settings;
    if (!map.getPane(pane)) sightgrid.addBackground(map, pane);
    const layer = L.geoJSON(data, {
      pane,
      interactive: labels.length > 0,
      style: (feature) => settings.styles[feature.properties.s],
      pointToLayer: (feature, place) => L.circleMarker(place, { pane }),
      onEachFeature: (feature, shape) => sightgrid.explain(map, feature, shape, settings),
    });
    sightgrid.layers.push(layer);
    // a layer that is switched on again keeps its place in the stack
    map.on("overlayadd", () => sightgrid.layers.forEach((each) => map.hasLayer(each) && each.bringToFront()));
    return layer;
  },

  addBackground(map, name) {
    const pane = map.createPane(name);
    pane.style.zIndex = 250;
    pane.style.pointerEvents = "none";
  },

  explain(map, feature, shape, settings) {
    const values = feature.properties.v;
    if (!values) return;
    shape.bindPopup(() => sightgrid.table(settings.labels, values), { maxWidth: 340, maxHeight: 320 });
    if (settings.hover) {
      shape.bindTooltip(() => sightgrid.table(settings.labels, values.slice(0, settings.hover)), { sticky: true });
    }
    if (!feature.area) return;
    const area = L.geoJSON(feature.area, {
      interactive: false,
      style: { color: "#000", weight: 2, dashArray: "5 4", fillColor: "#000", fillOpacity: 0.12 },
    });
    shape.on("popupopen", () => area.addTo(map));
    shape.on("popupclose", () => area.remove());
  },

  // textContent, never innerHTML: a name that holds markup is shown, not run
  table(labels, values) {
    const table = L.DomUtil.create("table", "sightgrid-facts");
    values.forEach((value, i) => {
      if (value === "") return;
      const row = L.DomUtil.create("tr", "", table);
      L.DomUtil.create("th", "", row).textContent = labels[i];
      L.DomUtil.create("td", "", row).textContent = value;
    });
    return table;
  },

  panel(map, position, content) {
    const control = L.control({ position });
    control.onAdd = () => {
      const box = L.DomUtil.create("div", "sightgrid-panel");
      box.innerHTML = content;
      box.querySelectorAll("details").forEach((part) => { part.open = window.innerWidth > 720; });
      L.DomEvent.disableClickPropagation(box).disableScrollPropagation(box);
      return box;
    };
    control.addTo(map);
  },

  frame(map, bounds, sources) {
    // on a wide screen nothing of the site lies under the boxes at both sides
    const aside = window.innerWidth > 1100 ? 325 : 10;
    map.fitBounds(bounds, { paddingTopLeft: [aside, 15], paddingBottomRight: [aside, 25] });
    L.control.scale({ imperial: false, maxWidth: 160 }).addTo(map);
    map.attributionControl.setPrefix("Leaflet");
    sources.forEach((source) => map.attributionControl.addAttribution(source));
  },
};
