import { replaceAddress } from "./address.js";
import { start } from "./live.js";

replaceAddress();
start();
