// A camera that is added on a post stands where the post stands, as high as it.

const REACH_PX = 10;

/** Return where a click puts a camera, and what a post there says about it. */
export function snapToPost(map, { point, lngLat }) {
  const box = [
    [point.x - REACH_PX, point.y - REACH_PX],
    [point.x + REACH_PX, point.y + REACH_PX],
  ];
  const [post] = map.getLayer("posts/posts") ? map.queryRenderedFeatures(box, { layers: ["posts/posts"] }) : [];
  if (!post || post.properties.count) return { coordinates: [lngLat.lng, lngLat.lat], properties: {} };
  const { kind, height_m } = post.properties;
  const properties = {
    mount: kind === "street_lamp" ? "street_lamp" : "pole",
    ...(height_m ? { mount_height_m: height_m } : {}),
  };
  return { coordinates: post.geometry.coordinates, properties };
}
