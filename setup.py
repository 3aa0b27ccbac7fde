"""Name the sub-packages: the root itself is the package `levelform`, which no finder can guess."""

from setuptools import find_packages, setup

setup(
    packages=["levelform"]
    + [f"levelform.{name}" for name in find_packages(".", include=["addon*", "backend*"])]
)
