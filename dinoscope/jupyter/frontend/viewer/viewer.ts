// The deep-zoom viewer, as an anywidget.

import type { RenderProps } from "@anywidget/types";

import type { ViewerTraits } from "./protocol";
import { ViewerWidget } from "./widget";

function render({ model, el }: RenderProps<ViewerTraits>): () => void {
  const widget = new ViewerWidget(model);
  el.append(widget.root);
  return () => widget.close();
}

export default { render };
