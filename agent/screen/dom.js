/** Small help with the document. Texts are always set as text: nothing of the lane is HTML. */

export const $ = (id) => document.getElementById(id);

/** An element with a class, and what is in it: texts or elements. */
export function make(tag, className = "", ...content) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...content);
  return element;
}

/** Set a text only if it differs: what is as it was is not laid out again. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Keep the children of `list` in step with `items`: one child for each key, made once, shown anew
 * when its item changed, gone when its item is.
 */
export function keep(list, items, key, show) {
  const old = new Map([...list.children].map((child) => [child.dataset.key, child]));
  items.forEach((item, place) => {
    const name = String(key(item));
    const child = old.get(name) ?? make("li");
    old.delete(name);
    child.dataset.key = name;
    if (list.children[place] !== child) list.insertBefore(child, list.children[place] ?? null);
    show(child, item);
  });
  for (const child of old.values()) child.remove();
}
