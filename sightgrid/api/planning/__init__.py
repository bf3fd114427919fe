"""Planning on the map: sites, scenarios, the preview of one camera, files in and out, search, legends."""
