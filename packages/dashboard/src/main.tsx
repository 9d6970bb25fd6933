/** The page's entry. */
import { render } from "preact";

const root = document.getElementById("page");
if (root !== null) render(<p>Fanfold</p>, root);
