export { Labels } from "./model/labels.js";
