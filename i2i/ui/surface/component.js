// The Vue component around the surface, as NiceGUI loads it. Calls come as messages of the
// page's websocket, images as bytes.
import { createSurface } from "i2i-surface";

export default {
  template: "<div></div>",
  props: { options: Object },
  mounted() {
    this.surface = createSurface(this.$el, this.options);
    this.chain = Promise.resolve(); // calls run one after another, also where one of them decodes an image
    this.theme = () =>
      this.$el.setAttribute("theme", document.body.classList.contains("body--dark") ? "dark" : "light");
    this.observer = new MutationObserver(this.theme);
    this.observer.observe(document.body, { attributeFilter: ["class"] });
    this.theme();
    // NiceGUI opens its websocket after the components of the first page are mounted.
    this.starting = setTimeout(() => {
      this.socket = window.socket;
      this.socket.on("i2i_surface", this.receive);
      this.tell("ready", {});
    });
  },
  unmounted() {
    clearTimeout(this.starting);
    this.socket?.off("i2i_surface", this.receive);
    this.observer.disconnect();
    this.surface.destroy();
  },
  methods: {
    tell(name, detail) {
      this.$el.dispatchEvent(new CustomEvent(name, { detail }));
    },
    receive({ element, call, args, number }) {
      if (`c${element}` !== this.$el.id) return;
      this.chain = this.chain.then(() => this.run(call, args, number)).catch((error) => console.error(error));
    },
    run(call, args, number) {
      if (call !== "setFrame") return this.surface[call](...args);
      // Not waited for: the surface itself drops frames that come too fast.
      this.surface.setFrame(...args).then((shown) => this.tell("frame", { number, shown }));
    },
    /** Return a part of an exported PNG as base64, as messages of the websocket are limited in size. */
    async read(name, from, length) {
      await this.chain;
      if (from === 0) this.exported = await this.surface[name]();
      if (!this.exported) return null;
      const bytes = new Uint8Array(await this.exported.slice(from, from + length).arrayBuffer());
      let text = "";
      for (let index = 0; index < bytes.length; index += 8192) {
        text += String.fromCharCode(...bytes.subarray(index, index + 8192));
      }
      return { total: this.exported.size, data: btoa(text) };
    },
  },
};
