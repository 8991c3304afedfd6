"""A real Chromium to look at the lane screen with, and where its pictures are kept."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

CHROMIUM = shutil.which("chromium")
CHROMEDRIVER = shutil.which("chromedriver")
PICTURES = Path(__file__).parents[1] / "build" / "screens"
PATIENCE_S = 15.0
SIZES = ((1024, 600), (800, 480), (1280, 800))

FLAGS = (
    "--headless=new",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
    "--autoplay-policy=no-user-gesture-required",
)


def need_chromium() -> None:
    """Skip, and say what is missing."""
    if CHROMIUM is None or CHROMEDRIVER is None:
        pytest.skip("the lane screen is NOT tested: sudo apt install chromium chromium-driver")


class Browser:
    """One window. Elements are found by CSS selector."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, address: str) -> None:
        self.driver.get(address)

    def resize(self, width: int, height: int) -> None:
        """The page's own size, whatever a window has around it."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements("css selector", selector)

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element("css selector", selector)

    def text(self, selector: str) -> str:
        """What is to be read there."""
        return self._drawn(lambda: [self.one(selector).text])[0]

    def texts(self, selector: str) -> list[str]:
        return self._drawn(lambda: [element.text for element in self.all(selector)])

    def _drawn(self, read: Callable[[], list[str]]) -> list[str]:
        """Read again where the page was just drawn anew."""
        drawn = WebDriverWait(self.driver, PATIENCE_S, 0.02, [StaleElementReferenceException])
        return drawn.until(lambda _: (read(),))[0]

    def press(self, *keys: str) -> None:
        """Keys to wherever the focus is."""
        webdriver.ActionChains(self.driver, duration=0).send_keys(*keys).perform()

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def wait_for(self, true: Callable[[], object], what: str) -> None:
        try:
            waiting = WebDriverWait(self.driver, PATIENCE_S, 0.02, [StaleElementReferenceException])
            waiting.until(lambda _: true())
        except TimeoutException:
            self.picture(f"in vain {what}")
            raise AssertionError(f"waited in vain: {what}") from None

    def picture(self, name: str) -> None:
        PICTURES.mkdir(parents=True, exist_ok=True)
        path = PICTURES / f"{name.replace(' ', '_')}.png"
        self.driver.save_screenshot(str(path))
        print(f"picture: {path}")

    def complaints(self) -> list[str]:
        """What the page wrote to its console since it was asked last, of warnings and errors."""
        return [entry["message"] for entry in self.driver.get_log("browser")]


@contextmanager
def chromium() -> Iterator[Browser]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "WARNING"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(CHROMEDRIVER))
    try:
        yield Browser(driver)
    finally:
        driver.quit()


__all__ = ["PICTURES", "SIZES", "Browser", "Keys", "chromium", "need_chromium"]
