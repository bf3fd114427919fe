// What the pages of sightgrid import. TerraDrawMarkerMode is left out: its default picture lies on a foreign server.
export * as maplibregl from "maplibre-gl";
export {
  TerraDraw,
  TerraDrawAngledRectangleMode,
  TerraDrawCircleMode,
  TerraDrawFreehandLineStringMode,
  TerraDrawFreehandMode,
  TerraDrawLineStringMode,
  TerraDrawModeUndoRedo,
  TerraDrawPointMode,
  TerraDrawPolygonMode,
  TerraDrawRectangleMode,
  TerraDrawRenderMode,
  TerraDrawSectorMode,
  TerraDrawSelectMode,
  TerraDrawSensorMode,
  TerraDrawSessionUndoRedo,
  TerraDrawUndoRedoKeyboardShortcuts,
  ValidateMaxAreaSquareMeters,
  ValidateMinAreaSquareMeters,
  ValidateNotSelfIntersecting,
} from "terra-draw";
export { TerraDrawMapLibreGLAdapter } from "terra-draw-maplibre-gl-adapter";
