import { replaceAddress } from "./address.js";

replaceAddress();
