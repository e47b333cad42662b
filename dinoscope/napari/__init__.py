"""The napari plugin. What it contributes is listed in ``napari.yaml``; napari imports each part when it is used."""
