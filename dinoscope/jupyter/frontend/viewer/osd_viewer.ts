// OpenSeadragon with all of its own controls switched off.

import type OpenSeadragonTypes from "openseadragon";

import { CrispDrawer } from "./crisp_drawer";
import OpenSeadragon from "./openseadragon";

/** The kernel may be busy for minutes; tiles that are not wanted any more are given up long before. */
const NO_TIMEOUT = 2 ** 31 - 1;

const GESTURES = {
  dragToPan: true,
  scrollToZoom: true,
  pinchToZoom: true,
  clickToZoom: false,
  dblClickToZoom: false,
  dblClickDragToZoom: false,
  flickEnabled: false,
};

export function createOsdViewer(host: HTMLElement): OpenSeadragonTypes.Viewer {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const viewer = OpenSeadragon({
    element: host,
    drawer: CrispDrawer,
    showNavigator: false,
    showNavigationControl: false,
    keyboardNavEnabled: false,
    autoResize: false, // A notebook hides its cells now and then: the camera has to stay where it is.
    animationTime: calm ? 0 : 0.3,
    springStiffness: 7,
    gestureSettingsMouse: GESTURES,
    gestureSettingsPen: GESTURES,
    gestureSettingsTouch: GESTURES,
    gestureSettingsUnknown: GESTURES,
    clickTimeThreshold: 1500, // Those who aim hold the button for long.
    zoomPerScroll: 1.25,
    minZoomImageRatio: 0.5,
    visibilityRatio: 0.2,
    preserveViewport: true,
    preload: false,
    immediateRender: true, // The coarse levels below are not asked for first.
    minPixelRatio: Math.SQRT1_2, // Tiles are drawn at no less than this of their size, as pixels go over the comm.
    smoothTileEdgesMinZoom: Infinity, // The drawer has no seams to hide.
    imageLoaderLimit: 6,
    maxTilesPerFrame: 6,
    maxImageCacheCount: 400,
    timeout: NO_TIMEOUT,
    tileRetryMax: 0,
  });
  viewer.canvas.removeAttribute("tabindex"); // The widget takes the focus and the keys.
  return viewer;
}
