// The table of what was found, as an anywidget.

import type { RenderProps } from "@anywidget/types";

import type { RowMessage, TableTraits } from "./protocol";
import { TableView } from "./table_view";

function render({ model, el }: RenderProps<TableTraits>): () => void {
  const view = new TableView((index) => {
    model.set("selected", index);
    model.save_changes();
    model.send({ type: "row", index } satisfies RowMessage);
  });
  const show = () => view.show({ columns: model.get("columns"), rows: model.get("rows"), total: model.get("total") });
  const select = () => view.select(model.get("selected"));
  const listeners = [
    ["change:columns", show], ["change:rows", show], ["change:total", show], ["change:selected", select],
  ] as const;
  listeners.forEach(([event, listener]) => model.on(event, listener));
  show();
  select();
  el.append(view.element);
  return () => {
    listeners.forEach(([event, listener]) => model.off(event, listener));
    view.element.remove();
  };
}

export default { render };
